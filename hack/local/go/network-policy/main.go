// Command network-policy enforces NetworkPolicies with the data plane of Azure NPM (iptables and
// ipsets).
//
// NPM's own command first retries its telemetry for three minutes before it enforces anything, and
// serves debug pages; this one starts the same controllers at once, and neither sends nor listens.
package main

import (
	"flag"
	"log"
	"time"

	"github.com/Azure/azure-container-networking/common"
	"github.com/Azure/azure-container-networking/npm"
	npmconfig "github.com/Azure/azure-container-networking/npm/config"
	"github.com/Azure/azure-container-networking/npm/pkg/dataplane"
	"github.com/Azure/azure-container-networking/npm/pkg/dataplane/ipsets"
	"github.com/Azure/azure-container-networking/npm/pkg/dataplane/policies"
	"github.com/Azure/azure-container-networking/npm/util"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/exec"
)

const resync = 30 * time.Minute

func main() {
	kubeconfig := flag.String("kubeconfig", "", "path of the kubeconfig")
	node := flag.String("node", "", "name of the node whose pods are guarded")
	flag.Parse()
	if err := run(*kubeconfig, *node); err != nil {
		log.Fatal(err)
	}
	select {}
}

func run(kubeconfig, node string) error {
	clientConfig, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(clientConfig)
	if err != nil {
		return err
	}
	version, err := client.Discovery().ServerVersion()
	if err != nil {
		return err
	}
	forever := make(chan struct{})
	plane, err := dataplane.NewDataPlane(node, common.NewIOShim(), &dataplane.Config{
		// Every set is applied: a set that only a later policy needs must not be missing then.
		IPSetManagerCfg: &ipsets.IPSetManagerCfg{
			NetworkName: util.AzureNetworkName,
			IPSetMode:   ipsets.ApplyAllIPSets,
		},
		// First, or kube-proxy's ACCEPT for forwarded Service traffic is read before the policies.
		PolicyManagerCfg: &policies.PolicyManagerCfg{
			PolicyMode:           policies.IPSetPolicyMode,
			PlaceAzureChainFirst: true,
		},
	}, forever)
	if err != nil {
		return err
	}
	plane.RunPeriodicTasks()
	config := npmconfig.DefaultConfig
	config.Toggles.EnableV2NPM = true
	factory := informers.NewSharedInformerFactory(client, resync)
	manager := npm.NewNetworkPolicyManager(config, factory, plane, exec.New(), "local", version)
	if err := manager.Start(config, forever); err != nil {
		return err
	}
	log.Print("policies are enforced")
	return nil
}
