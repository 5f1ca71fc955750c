// What the agent of a node makes of HTTP: Cilium's own way from what its proxy logs to Hubble's metrics, without a node.
package main

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"sync"

	grpc_prometheus "github.com/grpc-ecosystem/go-grpc-prometheus"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"github.com/cilium/cilium/pkg/hubble/metrics"
	"github.com/cilium/cilium/pkg/hubble/metrics/api"
	"github.com/cilium/cilium/pkg/hubble/parser/getters"
	"github.com/cilium/cilium/pkg/hubble/parser/seven"
	"github.com/cilium/cilium/pkg/ipcache"
	slim_corev1 "github.com/cilium/cilium/pkg/k8s/slim/k8s/api/core/v1"
	"github.com/cilium/cilium/pkg/proxy/accesslog"
)

// The file that is named as the one argument.
type settings struct {
	Listen string
	// As in hubble.metrics.enabled.
	Metrics []string
	// Of all nodes, by address: an agent knows whose address it is, and no more.
	Known map[netip.Addr]ipcache.K8sMetadata
	// Of its own node, by address.
	Local map[netip.Addr]*slim_corev1.Pod
}

func (s settings) GetK8sMetadata(ip netip.Addr) *ipcache.K8sMetadata {
	if found, ok := s.Known[ip]; ok {
		return &found
	}
	return nil
}

func (s settings) LookupSecIDByIP(netip.Addr) (ipcache.Identity, bool) {
	return ipcache.Identity{}, false
}

func (s settings) GetEndpointInfo(ip netip.Addr) (getters.EndpointInfo, bool) {
	pod, ok := s.Local[ip]
	return endpoint{pod: pod}, ok
}

func (s settings) GetEndpointInfoByID(uint16) (getters.EndpointInfo, bool) {
	return nil, false
}

// The pod is all that is asked of it.
type endpoint struct {
	getters.EndpointInfo
	pod *slim_corev1.Pod
}

func (e endpoint) GetPod() *slim_corev1.Pod {
	return e.pod
}

func main() {
	content, err := os.ReadFile(os.Args[1])
	check(err)
	var told settings
	check(json.Unmarshal(content, &told))
	logger := slog.Default()
	parser, err := seven.New(logger, nil, told, nil, told)
	check(err)
	enabled := api.ParseStaticMetricsConfig(told.Metrics)
	check(metrics.InitMetrics(logger, metrics.Registry, enabled, grpc_prometheus.NewServerMetrics()))
	processor := metrics.NewStaticFlowProcessor(logger, metrics.EnabledMetrics)

	var oneByOne sync.Mutex
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics.ServerHandler(metrics.Registry, false))
	mux.HandleFunc("POST /logged", func(answer http.ResponseWriter, request *http.Request) {
		oneByOne.Lock()
		defer oneByOne.Unlock()
		for records := json.NewDecoder(request.Body); ; {
			var record accesslog.LogRecord
			var flow flowpb.Flow
			err := records.Decode(&record)
			if errors.Is(err, io.EOF) {
				return
			}
			if err == nil {
				err = parser.Decode(&record, &flow)
			}
			if err == nil {
				err = processor.ProcessFlow(request.Context(), &flow)
			}
			if err != nil {
				http.Error(answer, err.Error(), http.StatusBadRequest)
				return
			}
		}
	})
	log.Fatal(http.ListenAndServe(told.Listen, mux))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
