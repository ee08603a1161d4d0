//go:build tools

// Package tools keeps in go.mod what is built from here without being imported.
package tools

import _ "github.com/rancher/local-path-provisioner"

import _ "github.com/containers/gvisor-tap-vsock/cmd/gvproxy"
