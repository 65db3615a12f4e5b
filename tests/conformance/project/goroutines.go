package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	var wg sync.WaitGroup
	var sum int64
	for i := 0; i < 1000; i++ {
		wg.Add(1)
		go func(n int) { defer wg.Done(); atomic.AddInt64(&sum, int64(n)); runtime.Gosched() }(i)
	}
	wg.Wait()
	fmt.Println("sum", sum)
	ch := make(chan int)
	go func() {
		for i := 0; i < 1000; i++ {
			ch <- i
		}
		close(ch)
	}()
	total := 0
	for v := range ch {
		total += v
	}
	fmt.Println("channel", total)
	var keep [][]byte
	for i := 0; i < 200; i++ {
		keep = append(keep, make([]byte, 100000))
		if len(keep) > 20 {
			keep = keep[10:]
		}
	}
	runtime.GC()
	fmt.Println("gc", len(keep) > 0)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	<-ctx.Done()
	fmt.Println(ctx.Err())
	fmt.Printf("%x\n", sha256.Sum256(make([]byte, 1000000)))
	out, err := exec.Command("echo", "from child").Output()
	fmt.Printf("%s%v\n", out, err)
	err = exec.Command("sh", "-c", "exit 3").Run()
	fmt.Println(err)
	os.WriteFile("go.txt", []byte("line 1\nline 2\n"), 0644)
	f, _ := os.Open("go.txt")
	for s := bufio.NewScanner(f); s.Scan(); {
		fmt.Println(s.Text())
	}
	_, err = os.Open("missing")
	fmt.Println(err)
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println(<-c)
	func() {
		defer func() { fmt.Println("recovered", recover()) }()
		var p *int
		*p = 1
	}()
	busy := time.After(50 * time.Millisecond)
	n := 0
	for done := false; !done; {
		select {
		case <-busy:
			done = true
		default:
			n++
		}
	}
	fmt.Println("busy", n > 0)
	os.Exit(6)
}
