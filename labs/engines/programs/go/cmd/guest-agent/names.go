package main

import (
	"bytes"
	"net"
)

// noSuchName is a name server that knows no name: so a question about the
// outside fails at once, as it does on the course's other engine.
func noSuchName(address string) error {
	socket, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	go func() {
		question := make([]byte, 4096)
		for {
			size, from, err := socket.ReadFrom(question)
			if err != nil {
				return
			}
			if answer := refusal(question[:size]); answer != nil {
				_, _ = socket.WriteTo(answer, from)
			}
		}
	}()
	return nil
}

// refusal is the answer NXDOMAIN to one question: labels, a zero, type and
// class (RFC 1035, 4.1).
func refusal(question []byte) []byte {
	const header = 12
	if len(question) < header+5 {
		return nil
	}
	end := bytes.IndexByte(question[header:], 0)
	if end < 0 || header+end+5 > len(question) {
		return nil
	}
	answer := append([]byte{}, question[:2]...)
	answer = append(answer, 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0) // an answer, recursion done, no such name; no records
	return append(answer, question[header:header+end+5]...)
}
