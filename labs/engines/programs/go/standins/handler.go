// Package standins serves images of the course under the names that everyone types: whoever asks a
// mirror of docker.io for nginx gets the one that was made from Debian's packages, whatever the tag.
package standins

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
)

var asked = regexp.MustCompile(`^/v2/(.+)/(manifests|blobs)/([^/]+)$`)

// Handler answers for what is in archives that a file names, and leaves all else to another handler.
type Handler struct {
	pointer string // a file with the archives' paths: they are made while the registry runs already
	next    http.Handler

	lock     sync.Mutex
	read     time.Time // when the pointer was written that the archives were opened by
	archives *archives
}

// New makes a handler. The file need not exist yet.
func New(pointer string, next http.Handler) *Handler {
	return &Handler{pointer: pointer, next: next}
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	words := asked.FindStringSubmatch(r.URL.Path)
	if words == nil || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
		h.next.ServeHTTP(w, r)
		return
	}
	repository, kind, reference := words[1], words[2], words[3]
	found := h.current()
	if found == nil || found.manifests[repository] == nil {
		h.next.ServeHTTP(w, r)
		return
	}
	var content io.ReadSeeker
	if kind == "manifests" {
		if strings.Contains(reference, ":") && reference != found.digests[repository] {
			http.Error(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"another image stands in for this one"}]}`, http.StatusNotFound)
			return
		}
		reference = found.digests[repository]
		w.Header().Set("Content-Type", manifestType)
		content = strings.NewReader(string(found.manifests[repository]))
	} else {
		part, there := found.blobs[reference]
		if !there {
			http.Error(w, `{"errors":[{"code":"BLOB_UNKNOWN"}]}`, http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		content = io.NewSectionReader(part.file, part.offset, part.size)
	}
	w.Header().Set("Docker-Content-Digest", reference)
	w.Header().Set("Etag", fmt.Sprintf("%q", reference))
	http.ServeContent(w, r, "", time.Time{}, content)
}

// current are the archives that the pointer names now, or nil. Those that were replaced stay open: somebody may read them.
func (h *Handler) current() *archives {
	h.lock.Lock()
	defer h.lock.Unlock()
	info, err := os.Stat(h.pointer)
	if err != nil || info.ModTime().Equal(h.read) {
		return h.archives
	}
	paths, err := os.ReadFile(h.pointer)
	if err != nil {
		return h.archives
	}
	found, err := open(strings.Fields(string(paths)))
	if err != nil {
		log.Print(err)
		return h.archives
	}
	h.read, h.archives = info.ModTime(), found
	return found
}
