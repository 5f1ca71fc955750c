// Reads an API group as programs in Go do, and says in JSON what it understood: discovery in both spellings,
// the mapping of kinds, every resource by the dynamic client, as a Table, and decoded into a struct.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
)

const table = "application/json;as=Table;v=v1;g=meta.k8s.io"

// Typed is what every object can be decoded into.
type Typed struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Timestamp         metav1.Time `json:"timestamp"`
}

// Understood is what was learnt of one resource.
type Understood struct {
	Kind       string   `json:"kind"`
	Mapped     string   `json:"mapped"`
	Namespaced bool     `json:"namespaced"`
	Names      []string `json:"names"`
	Metadata   []string `json:"metadata"`
	Got        string   `json:"got"`
	Typed      string   `json:"typed"`
	Columns    int      `json:"columns"`
	Rows       int      `json:"rows"`
}

type clients struct {
	discovery *discovery.DiscoveryClient
	dynamic   dynamic.Interface
	metadata  metadata.Interface
	rest      *rest.RESTClient
	mapper    *restmapper.DeferredDiscoveryRESTMapper
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "who asks, and where")
	group := flag.String("group", "", "the API group")
	version := flag.String("version", "", "its version")
	flag.Parse()
	found, err := read(context.Background(), *kubeconfig, schema.GroupVersion{Group: *group, Version: *version})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(ctx context.Context, kubeconfig string, version schema.GroupVersion) (map[string]Understood, error) {
	ask, err := connect(kubeconfig, version)
	if err != nil {
		return nil, err
	}
	listed, err := discovered(ask.discovery, version)
	if err != nil {
		return nil, err
	}
	found := map[string]Understood{}
	for _, resource := range listed {
		understood, err := ask.understand(ctx, version, resource)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", resource.Name, err)
		}
		found[resource.Name] = understood
	}
	return found, nil
}

func connect(kubeconfig string, version schema.GroupVersion) (*clients, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 100, 200
	found := &clients{}
	if found.discovery, err = discovery.NewDiscoveryClientForConfig(config); err != nil {
		return nil, err
	}
	if found.dynamic, err = dynamic.NewForConfig(config); err != nil {
		return nil, err
	}
	if found.metadata, err = metadata.NewForConfig(config); err != nil {
		return nil, err
	}
	raw := rest.CopyConfig(config)
	raw.GroupVersion, raw.APIPath = &version, "/apis"
	raw.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	if found.rest, err = rest.RESTClientFor(raw); err != nil {
		return nil, err
	}
	found.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(found.discovery))
	return found, nil
}

// The resources of the version that can be listed: the aggregated document and the old one must agree.
func discovered(client *discovery.DiscoveryClient, version schema.GroupVersion) ([]metav1.APIResource, error) {
	groups, aggregated, failed, err := client.GroupsAndMaybeResources()
	if err != nil {
		return nil, err
	}
	if len(failed) > 0 {
		return nil, fmt.Errorf("some groups failed: %v", failed)
	}
	if aggregated == nil || aggregated[version] == nil {
		return nil, fmt.Errorf("%s is not in the aggregated document of %d groups", version, len(groups.Groups))
	}
	old, err := client.ServerResourcesForGroupVersion(version.String())
	if err != nil {
		return nil, err
	}
	if len(old.APIResources) != len(aggregated[version].APIResources) {
		return nil, fmt.Errorf("%d resources in the old document, %d in the aggregated one",
			len(old.APIResources), len(aggregated[version].APIResources))
	}
	listed := []metav1.APIResource{}
	for _, resource := range aggregated[version].APIResources {
		if !strings.Contains(resource.Name, "/") && strings.Contains(strings.Join(resource.Verbs, " "), "list") {
			listed = append(listed, resource)
		}
	}
	return listed, nil
}

func (ask *clients) understand(
	ctx context.Context, version schema.GroupVersion, resource metav1.APIResource,
) (Understood, error) {
	found := Understood{Kind: resource.Kind, Namespaced: resource.Namespaced, Names: []string{}, Metadata: []string{}}
	kind := schema.GroupKind{Group: version.Group, Kind: resource.Kind}
	mapping, err := ask.mapper.RESTMapping(kind, version.Version)
	if err != nil {
		return found, err
	}
	found.Mapped = mapping.Resource.Resource
	list, err := ask.dynamic.Resource(mapping.Resource).List(ctx, metav1.ListOptions{Limit: 500})
	if err != nil {
		return found, err
	}
	for _, item := range list.Items {
		found.Names = append(found.Names, item.GetName())
	}
	partial, err := ask.metadata.Resource(mapping.Resource).List(ctx, metav1.ListOptions{})
	if err != nil {
		return found, err
	}
	for _, item := range partial.Items {
		found.Metadata = append(found.Metadata, item.Name)
	}
	if len(list.Items) > 0 {
		if err := ask.one(ctx, mapping.Resource, &list.Items[0], &found); err != nil {
			return found, err
		}
	}
	return found, ask.table(ctx, resource.Name, &found)
}

func (ask *clients) one(
	ctx context.Context, resource schema.GroupVersionResource, first *unstructured.Unstructured, found *Understood,
) error {
	client := ask.dynamic.Resource(resource)
	var object *unstructured.Unstructured
	var err error
	if found.Namespaced {
		object, err = client.Namespace(first.GetNamespace()).Get(ctx, first.GetName(), metav1.GetOptions{})
	} else {
		object, err = client.Get(ctx, first.GetName(), metav1.GetOptions{})
	}
	if err != nil {
		return err
	}
	found.Got = object.GetName()
	typed := Typed{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &typed); err != nil {
		return err
	}
	found.Typed = typed.Name
	return nil
}

func (ask *clients) table(ctx context.Context, resource string, found *Understood) error {
	body, err := ask.rest.Get().Resource(resource).SetHeader("Accept", table).Do(ctx).Raw()
	if err != nil {
		return err
	}
	printed := metav1.Table{}
	if err := json.Unmarshal(body, &printed); err != nil {
		return err
	}
	found.Columns, found.Rows = len(printed.ColumnDefinitions), len(printed.Rows)
	return nil
}
