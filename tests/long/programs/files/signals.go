// Goroutines over several threads, signals, child processes, pipes, and a fault that becomes a panic.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

func compute() {
	var group sync.WaitGroup
	var lock sync.Mutex
	total := 0
	done := make(chan int, 10)
	for i := 0; i < 200; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			sum := 0
			for k := 0; k < 100000; k++ {
				sum += k % (i + 1)
			}
			lock.Lock()
			total += sum
			lock.Unlock()
			done <- i
		}(i)
	}
	go func() { group.Wait(); close(done) }()
	count := 0
	for range done {
		count++
	}
	fmt.Println(count, total)
}

func main() {
	compute()
	signals := make(chan os.Signal, 10)
	signal.Notify(signals, syscall.SIGUSR1)
	for i := 0; i < 3; i++ {
		syscall.Kill(os.Getpid(), syscall.SIGUSR1)
		fmt.Println(<-signals)
	}
	output, err := exec.Command("sh", "-c", "echo hi; exit 2").CombinedOutput()
	fmt.Printf("%q %v\n", output, err)
	soon, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	fmt.Println(exec.CommandContext(soon, "sleep", "100").Run())
	reader, writer, _ := os.Pipe()
	go func() {
		for i := 0; i < 1000; i++ {
			fmt.Fprintln(writer, i)
		}
		writer.Close()
	}()
	lines := 0
	for scanner := bufio.NewScanner(reader); scanner.Scan(); {
		lines++
	}
	fmt.Println(lines)
	defer func() { fmt.Println("recovered", recover() != nil) }()
	var nowhere *int
	*nowhere = 1
}
