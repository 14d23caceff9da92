// Command etcd is the server in the version that go.mod of k8s.io/kubernetes names. A main of our
// own, because etcd's lies in a module of its own that adds its client tools.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
