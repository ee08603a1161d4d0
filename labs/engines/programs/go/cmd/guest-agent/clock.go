package main

import (
	"log"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// timeHeader is the caller's time in seconds of the epoch.
const timeHeader = "Labs-Time"

// A clock that is behind the caller's is surely wrong: time has passed since the call was sent. One that is ahead may
// have been told of the time late.
const (
	behind = 2 * time.Second
	ahead  = time.Minute
)

// keepTime sets the clock by the caller's: the host's goes on while it, and so this kernel, is suspended.
func keepTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seconds, err := strconv.ParseFloat(r.Header.Get(timeHeader), 64); err == nil {
			theirs := time.UnixMicro(int64(seconds * 1e6))
			if difference := time.Since(theirs); difference < -behind || difference > ahead {
				now := syscall.NsecToTimeval(theirs.UnixNano())
				if err := syscall.Settimeofday(&now); err != nil {
					log.Printf("the clock cannot be set: %v", err)
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}
