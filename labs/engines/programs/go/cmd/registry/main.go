// Command registry is the image registry that the course's Docker pushes to. It
// is an executable of its own since the Docker lessons need it, and it is built
// in a fraction of the time that Kubernetes takes.
package main

import (
	"os"

	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
)

func main() {
	if err := registry.RootCmd.Execute(); err != nil {
		os.Exit(1)
	}
}
