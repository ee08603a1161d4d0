// Command registry is the image registry that the course's Docker pushes to, and
// the mirror that it and the nodes ask for images of the world. It is an
// executable of its own since the Docker lessons need it, and it is built in a
// fraction of the time that Kubernetes takes.
package main

import (
	"net/http"
	"os"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"

	"kube-labs/engines/standins"
)

func main() {
	if pointer := os.Getenv("STANDINS"); pointer != "" {
		registry.RegisterHandler(func(_ *configuration.Configuration, next http.Handler) http.Handler {
			return standins.New(pointer, next)
		})
	}
	if err := registry.RootCmd.Execute(); err != nil {
		os.Exit(1)
	}
}
