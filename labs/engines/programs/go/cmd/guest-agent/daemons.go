package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"sync"
	"syscall"
	"time"
)

// A daemon is a program that runs on its own.
type daemon struct {
	Name    string    `json:"name"`
	Argv    []string  `json:"argv"`
	Pid     int       `json:"pid"`
	State   string    `json:"state"` // running, stopped (it was told to end) or failed (it ended by itself)
	Started time.Time `json:"started"`
	Memory  int       `json:"memory"` // bytes, those shared with others included

	ended chan struct{}
}

type daemons struct {
	mutex sync.Mutex
	all   map[string]*daemon
}

func newDaemons() *daemons {
	return &daemons{all: map[string]*daemon{}}
}

// start starts a daemon unless it runs.
func (d *daemons) start(_ context.Context, asked command) (any, error) {
	if asked.Name == "" || len(asked.Argv) == 0 {
		return nil, errors.New("a daemon needs a name and a program")
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if known := d.all[asked.Name]; known != nil && known.State == "running" {
		return known, nil
	}
	if err := os.MkdirAll(filepath.Dir(asked.Log), 0o755); err != nil {
		return nil, err
	}
	output, err := os.OpenFile(asked.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	program := asked.program(context.Background())
	program.Stdout, program.Stderr = output, output
	program.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := program.Start(); err != nil {
		return nil, err
	}
	started := &daemon{
		Name: asked.Name, Argv: asked.Argv, Pid: program.Process.Pid, State: "running",
		Started: time.Now(), ended: make(chan struct{}),
	}
	d.all[asked.Name] = started
	go d.watch(started, program)
	return started, nil
}

// watch notes the end of a daemon.
func (d *daemons) watch(started *daemon, program *exec.Cmd) {
	_ = program.Wait()
	d.mutex.Lock()
	if started.State == "running" {
		started.State = "failed"
	}
	d.mutex.Unlock()
	close(started.ended)
}

// stop asks a daemon to end, and kills it when it has not after the seconds that the command gives.
func (d *daemons) stop(_ context.Context, asked command) (any, error) {
	d.mutex.Lock()
	known := d.all[asked.Name]
	running := known != nil && known.State == "running"
	if known != nil {
		known.State = "stopped"
	}
	d.mutex.Unlock()
	if running {
		_ = syscall.Kill(known.Pid, syscall.SIGTERM)
		select {
		case <-known.ended:
		case <-time.After(time.Duration(asked.Seconds * float64(time.Second))):
			_ = syscall.Kill(known.Pid, syscall.SIGKILL)
			<-known.ended
		}
	}
	return d.list(context.Background(), asked)
}

// list tells of all daemons, by name.
func (d *daemons) list(context.Context, command) (any, error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	told := []daemon{}
	for _, each := range d.all {
		one := *each
		one.Memory = memory(each.Pid)
		told = append(told, one)
	}
	sort.Slice(told, func(i, j int) bool { return told[i].Name < told[j].Name })
	return told, nil
}

// memory is the resident set of a process in bytes; 0 when there is no such process.
func memory(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	var whole, resident int
	if err == nil {
		_, _ = fmt.Sscan(string(text), &whole, &resident)
	}
	return resident * os.Getpagesize()
}

// powerOff ends every process, writes what is in memory to the disk, and ends the kernel.
func powerOff(d *daemons) {
	d.mutex.Lock() // nothing is started any more
	_ = syscall.Kill(-1, syscall.SIGTERM)
	time.Sleep(300 * time.Millisecond)
	_ = syscall.Kill(-1, syscall.SIGKILL) // all but us and the first process
	_ = syscall.Mount("", "/var/lib", "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
	syscall.Sync()
	_ = syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
}
