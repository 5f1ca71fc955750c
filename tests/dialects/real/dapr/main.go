// Dapr's sidecar without any component but one, which finds other sidecars by a fixed list. It takes daprd's flags.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/dapr/components-contrib/nameresolution"
	"github.com/dapr/dapr/cmd/daprd/options"
	"github.com/dapr/dapr/pkg/components/bindings"
	"github.com/dapr/dapr/pkg/components/configuration"
	"github.com/dapr/dapr/pkg/components/conversation"
	"github.com/dapr/dapr/pkg/components/crypto"
	"github.com/dapr/dapr/pkg/components/lock"
	"github.com/dapr/dapr/pkg/components/middleware/http"
	names "github.com/dapr/dapr/pkg/components/nameresolution"
	"github.com/dapr/dapr/pkg/components/pubsub"
	"github.com/dapr/dapr/pkg/components/secretstores"
	"github.com/dapr/dapr/pkg/components/state"
	"github.com/dapr/dapr/pkg/healthz"
	"github.com/dapr/dapr/pkg/metrics"
	"github.com/dapr/dapr/pkg/modes"
	"github.com/dapr/dapr/pkg/runtime"
	"github.com/dapr/dapr/pkg/runtime/registry"
	"github.com/dapr/dapr/pkg/security"
	"github.com/dapr/kit/concurrency"
	"github.com/dapr/kit/logger"
	"github.com/dapr/kit/signals"
)

var log = logger.NewLogger("dapr.runtime")

// known is the addresses of sidecars by the ids of their applications, as `fixed` is configured with them.
type known map[string]string

func (k *known) Init(_ context.Context, told nameresolution.Metadata) error {
	written, err := json.Marshal(told.Configuration)
	if err != nil {
		return err
	}
	return json.Unmarshal(written, k)
}

func (k *known) ResolveID(_ context.Context, asked nameresolution.ResolveRequest) (string, error) {
	address, ok := (*k)[asked.ID]
	if !ok {
		return "", fmt.Errorf("no sidecar of %s is known", asked.ID)
	}
	return address, nil
}

func (k *known) Close() error {
	return nil
}

func main() {
	given, err := options.New(os.Args[1:])
	if err != nil {
		log.Fatal(err)
	}
	ctx := signals.Context()
	health := healthz.New()
	secured, err := security.New(ctx, security.Options{
		ControlPlaneTrustDomain: given.ControlPlaneTrustDomain,
		ControlPlaneNamespace:   given.ControlPlaneNamespace,
		AppID:                   given.AppID,
		MTLSEnabled:             false,
		Mode:                    modes.StandaloneMode,
		Healthz:                 health,
	})
	if err != nil {
		log.Fatal(err)
	}
	sidecar := func(ctx context.Context) error {
		handler, err := secured.Handler(ctx)
		if err != nil {
			return err
		}
		running, err := runtime.FromConfig(ctx, config(given, handler, health))
		if err != nil {
			return err
		}
		return running.Run(ctx)
	}
	if err := concurrency.NewRunnerManager(secured.Run, sidecar).Run(ctx); err != nil {
		log.Fatal(err)
	}
}

func config(given *options.Options, handler security.Handler, health healthz.Healthz) *runtime.Config {
	return &runtime.Config{
		AppID:                         given.AppID,
		Mode:                          string(modes.StandaloneMode),
		Config:                        given.Config,
		ResourcesPath:                 given.ResourcesPath,
		AllowedOrigins:                given.AllowedOrigins,
		AppProtocol:                   given.AppProtocol,
		AppChannelAddress:             given.AppChannelAddress,
		ApplicationPort:               given.AppPort,
		AppMaxConcurrency:             given.AppMaxConcurrency,
		AppHealthCheckPath:            given.AppHealthCheckPath,
		AppHealthProbeInterval:        given.AppHealthProbeInterval,
		AppHealthProbeTimeout:         given.AppHealthProbeTimeout,
		AppHealthThreshold:            given.AppHealthThreshold,
		DaprAPIListenAddresses:        given.DaprAPIListenAddresses,
		DaprHTTPPort:                  given.DaprHTTPPort,
		DaprAPIGRPCPort:               given.DaprAPIGRPCPort,
		DaprInternalGRPCPort:          given.DaprInternalGRPCPort,
		DaprInternalGRPCListenAddress: given.DaprInternalGRPCListenAddress,
		DaprGracefulShutdownSeconds:   given.DaprGracefulShutdownSeconds,
		ProfilePort:                   given.ProfilePort,
		SchedulerStreams:              given.SchedulerJobStreams,
		MaxRequestSize:                given.MaxRequestSize,
		ReadBufferSize:                given.ReadBufferSize,
		Metrics: metrics.Options{
			Log:           log,
			Enabled:       given.Metrics.Enabled(),
			Namespace:     metrics.DefaultMetricNamespace,
			Port:          given.Metrics.Port(),
			ListenAddress: given.Metrics.ListenAddress(),
			Healthz:       health,
		},
		Registry: registries(),
		Security: handler,
		Healthz:  health,
	}
}

// registries are all empty but one: the runtime wants one for each sort of component.
func registries() *registry.Options {
	resolvers := names.NewRegistry()
	resolvers.Logger = log
	resolvers.RegisterComponent(func(logger.Logger) nameresolution.Resolver { return &known{} }, "fixed")
	return registry.NewOptions().
		WithNameResolutions(resolvers).
		WithBindings(bindings.NewRegistry()).
		WithConfigurations(configuration.NewRegistry()).
		WithConversations(conversation.NewRegistry()).
		WithCryptoProviders(crypto.NewRegistry()).
		WithHTTPMiddlewares(http.NewRegistry()).
		WithLocks(lock.NewRegistry()).
		WithPubSubs(pubsub.NewRegistry()).
		WithSecretStores(secretstores.NewRegistry()).
		WithStateStores(state.NewRegistry())
}
