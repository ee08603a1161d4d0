// Command guest-agent is the one door into a user-mode kernel: the engine's
// commands come in through it, and so does every connection to what listens there.
//
//	CONNECT host:port   a TCP connection from within (RFC 9110, 9.3.6); the API
//	                    server takes this way to kubelets, pods and Services
//	POST /run           run a program to its end
//	POST /start         start a daemon unless it runs
//	POST /stop          end a daemon
//	GET  /daemons       the daemons and their states
//	POST /power-off     end all processes, write all to the disk, and end the kernel
//
// All but CONNECT need the token, which containers cannot read, and set the clock
// by the caller's. Beside that it passes connections to one more port on to a Unix
// socket: dockerd, told to listen on TCP itself, would first pause to warn of it.
package main

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// A command is what /run and /start are asked for.
type command struct {
	Name    string            `json:"name"` // of the daemon
	Argv    []string          `json:"argv"`
	Env     map[string]string `json:"env"`
	Input   []byte            `json:"input"`   // base64 in JSON
	Seconds float64           `json:"seconds"` // the longest that it may take
	Log     string            `json:"log"`     // the file that a daemon writes to
}

// An outcome is what /run answers.
type outcome struct {
	Code   int    `json:"code"`
	Output string `json:"output"`
	Errors string `json:"errors"`
}

func main() {
	address := flag.String("listen", "", "where to listen, such as 192.168.127.2:1")
	tokenFile := flag.String("token-file", "", "the file that holds the token")
	forwarded := flag.String("forward", "", "another address to listen on, such as 192.168.127.2:2375")
	socket := flag.String("to", "", "the Unix socket that connections to it are passed on to")
	names := flag.String("names", "", "where to answer questions for names of the outside, such as 192.168.127.2:53")
	flag.Parse()
	token, err := os.ReadFile(*tokenFile)
	if err != nil || len(bytes.TrimSpace(token)) == 0 {
		log.Fatalf("no token in %q: %v", *tokenFile, err)
	}
	if *forwarded != "" {
		listener, err := net.Listen("tcp", *forwarded)
		if err != nil {
			log.Fatal(err)
		}
		go forward(listener, *socket)
	}
	if *names != "" {
		if err := noSuchName(*names); err != nil {
			log.Fatal(err)
		}
	}
	daemons := newDaemons()
	calls := http.NewServeMux()
	calls.HandleFunc("POST /run", answer(run))
	calls.HandleFunc("POST /start", answer(daemons.start))
	calls.HandleFunc("POST /stop", answer(daemons.stop))
	calls.HandleFunc("GET /daemons", answer(daemons.list))
	calls.HandleFunc("POST /power-off", func(http.ResponseWriter, *http.Request) { powerOff(daemons) })
	guarded := guard(strings.TrimSpace(string(token)), keepTime(calls))
	server := &http.Server{Addr: *address, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			connect(w, r)
			return
		}
		guarded.ServeHTTP(w, r)
	})}
	log.Fatal(server.ListenAndServe())
}

// guard lets only callers with the token through.
func guard(token string, next http.Handler) http.Handler {
	wanted := []byte("Bearer " + token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), wanted) != 1 {
			http.Error(w, "the token is missing", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// answer turns a function of a command into a handler: JSON in, JSON out, an error as text.
func answer(do func(context.Context, command) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var asked command
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil && !errors.Is(err, io.EOF) {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		told, err := do(r.Context(), asked)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(told)
	}
}

// connect passes bytes between the caller and an address that is reached from here.
func connect(w http.ResponseWriter, r *http.Request) {
	far, err := net.DialTimeout("tcp", r.Host, 10*time.Second)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer far.Close()
	near, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer near.Close()
	if _, err := io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	both(near, buffered, far)
}

// forward passes the connections that a listener takes on to a socket.
func forward(listener net.Listener, socket string) {
	for {
		near, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			defer near.Close()
			far, err := net.Dial("unix", socket)
			if err != nil {
				return
			}
			defer far.Close()
			both(near, near, far)
		}()
	}
}

// both passes bytes both ways until both have ended; received is what near sends.
func both(near net.Conn, received io.Reader, far net.Conn) {
	done := make(chan struct{}, 2)
	pass := func(to net.Conn, from io.Reader) {
		_, _ = io.Copy(to, from)
		if half, ok := to.(interface{ CloseWrite() error }); ok { // an end of what is sent closes one direction only
			_ = half.CloseWrite()
		}
		done <- struct{}{}
	}
	go pass(far, received)
	go pass(near, far)
	<-done
	<-done
}

// run runs a program to its end; when the caller goes away, so does the program with all that it has started.
func run(ctx context.Context, asked command) (any, error) {
	if len(asked.Argv) == 0 {
		return nil, errors.New("no program")
	}
	if asked.Seconds > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(asked.Seconds*float64(time.Second)))
		defer cancel()
	}
	var output, errorText bytes.Buffer
	program := asked.program(ctx)
	program.Stdin, program.Stdout, program.Stderr = bytes.NewReader(asked.Input), &output, &errorText
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	program.Cancel = func() error { return syscall.Kill(-program.Process.Pid, syscall.SIGKILL) }
	program.WaitDelay = time.Second // a daemon that it left behind may hold its output open
	err := program.Run()
	var ended *exec.ExitError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return outcome{-1, output.String(), "it took too long"}, nil
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return outcome{0, output.String(), errorText.String()}, nil
	case errors.As(err, &ended):
		return outcome{ended.ExitCode(), output.String(), errorText.String()}, nil
	default:
		return outcome{127, "", err.Error()}, nil
	}
}

// program is the command, with nothing of our own environment.
func (c command) program(ctx context.Context) *exec.Cmd {
	program := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	program.Path = lookUp(c.Argv[0], c.Env["PATH"])
	program.Err = nil
	program.Env = []string{}
	for key, value := range c.Env {
		program.Env = append(program.Env, key+"="+value)
	}
	program.Dir = "/"
	return program
}

// lookUp finds a program on the caller's PATH rather than on ours.
func lookUp(name, path string) string {
	if strings.Contains(name, "/") {
		return name
	}
	for _, folder := range strings.Split(path, ":") {
		if info, err := os.Stat(folder + "/" + name); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return folder + "/" + name
		}
	}
	return name
}
