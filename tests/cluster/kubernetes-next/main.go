// The control plane of the newer Kubernetes in one binary, so that what they share is compiled and kept once.
// The name it is called by chooses the program; called by its own name, the first argument does.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

const own = "kubernetes"

var commands = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllers.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
}

func main() {
	arguments := os.Args
	if filepath.Base(arguments[0]) == own {
		arguments = arguments[1:]
	}
	if len(arguments) == 0 {
		fail("say which program to be")
	}
	program := filepath.Base(arguments[0])
	if program == "etcd" {
		etcdmain.Main(arguments)
		return
	}
	command, known := commands[program]
	if !known {
		fail(program + " is none of its programs")
	}
	os.Args = arguments
	os.Exit(cli.Run(command()))
}

func fail(what string) {
	fmt.Fprintf(os.Stderr, "%s: %s\n", own, what)
	os.Exit(2)
}
