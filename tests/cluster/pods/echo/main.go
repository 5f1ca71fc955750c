// The smallest pod with something to say: `/` answers its host name, `/fetch?url=…` what that URL answers
// inside the cluster.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const longest = 5 * time.Second

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	go func() {
		<-end
		os.Exit(0)
	}()
	http.HandleFunc("/{$}", name)
	http.HandleFunc("/fetch", fetch)
	log.Fatal(http.ListenAndServe(":8080", nil))
}

func name(answer http.ResponseWriter, _ *http.Request) {
	host, err := os.Hostname()
	if err != nil {
		http.Error(answer, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(answer, host)
}

func fetch(answer http.ResponseWriter, request *http.Request) {
	client := http.Client{Timeout: longest}
	found, err := client.Get(request.URL.Query().Get("url"))
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadGateway)
		return
	}
	defer found.Body.Close()
	answer.WriteHeader(found.StatusCode)
	_, _ = io.Copy(answer, found.Body)
}
