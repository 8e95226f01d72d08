package main

import (
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
)

// repo serves a folder that holds packaged charts and the index.yaml that `helm
// repo index` made for them: a chart repository is no more than static files.
func repo(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: repo DIR ADDR")
	}
	host, _, err := net.SplitHostPort(args[1])
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("%s is not a loopback address", host)
	}
	files := http.FileServer(http.Dir(args[0]))
	// Each request is logged, so that a test can show that nothing was fetched.
	return http.ListenAndServe(args[1], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.Printf("%s %s", r.Method, r.URL.Path)
		files.ServeHTTP(w, r)
	}))
}
