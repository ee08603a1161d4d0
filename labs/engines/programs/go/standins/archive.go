package standins

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar"
)

// blob is a part of the archive that is served as it is.
type blob struct {
	file         *os.File
	offset, size int64
}

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

// archives are what open `docker save` archives hold, by repository and by digest. Layers and
// configurations lie in them under the names of their digests, as the course writes them.
type archives struct {
	manifests map[string][]byte // by repository, such as library/nginx
	digests   map[string]string // of these manifests
	blobs     map[string]blob
}

type image struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// open reads archives. The images of the first one are served; it may leave out layers that the others have.
func open(paths []string) (*archives, error) {
	found := &archives{map[string][]byte{}, map[string]string{}, map[string]blob{}}
	var served []image
	for index, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		images, err := found.read(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if index == 0 {
			served = images
		}
	}
	return found, found.describeAll(served)
}

func (a *archives) read(file *os.File) (images []image, err error) {
	reader := tar.NewReader(file)
	for {
		header, err := reader.Next()
		if err == io.EOF {
			return images, nil
		} else if err != nil {
			return nil, err
		}
		if header.Name == "manifest.json" {
			if err := json.NewDecoder(reader).Decode(&images); err != nil {
				return nil, err
			}
			continue
		}
		at, err := file.Seek(0, io.SeekCurrent) // the reader has no buffer: it is where the content begins
		if err != nil {
			return nil, err
		}
		a.blobs[digestOf(header.Name)] = blob{file, at, header.Size}
	}
}

func (a *archives) describeAll(images []image) error {
	for _, image := range images {
		described := manifest{2, manifestType, a.describe(configType, image.Config), nil}
		for _, layer := range image.Layers {
			if _, there := a.blobs[digestOf(layer)]; !there {
				return fmt.Errorf("no layer %s of %s", layer, image.RepoTags)
			}
			described.Layers = append(described.Layers, a.describe(layerType, layer))
		}
		text, err := json.Marshal(described)
		if err != nil {
			return err
		}
		for _, tag := range image.RepoTags {
			repository, _, _ := strings.Cut(tag, ":")
			a.manifests[repository] = text
			a.digests[repository] = fmt.Sprintf("sha256:%x", sha256.Sum256(text))
		}
	}
	return nil
}

func (a *archives) describe(mediaType, name string) descriptor {
	digest := digestOf(name)
	return descriptor{mediaType, digest, a.blobs[digest].size}
}

// digestOf is the digest that a file of the archive is named after: DIGEST/layer.tar or DIGEST.json.
func digestOf(name string) string {
	return "sha256:" + strings.TrimSuffix(strings.TrimSuffix(name, "/layer.tar"), ".json")
}
