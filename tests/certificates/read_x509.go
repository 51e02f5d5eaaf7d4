// SPDX-License-Identifier: Apache-2.0

// read_x509 ROOT CERT URI USAGE [INTERMEDIATE...]: parse CERT, compare its one URI, verify its chain up to ROOT for USAGE,
// in the year 1998 (an RTC that lost its battery), today, and in 2090. Exit 1 with what differs.
package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"
)

func fail(format string, values ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", values...)
	os.Exit(1)
}

func load(path string) *x509.Certificate {
	text, err := os.ReadFile(path)
	if err != nil {
		fail("%v", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		fail("%s: not PEM", path)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		fail("%s: %v", path, err)
	}
	if len(cert.UnhandledCriticalExtensions) > 0 {
		fail("%s: critical extensions that Go does not know: %v", path, cert.UnhandledCriticalExtensions)
	}
	return cert
}

func main() {
	usages := map[string]x509.ExtKeyUsage{
		"clientAuth": x509.ExtKeyUsageClientAuth,
		"serverAuth": x509.ExtKeyUsageServerAuth,
		"-":          x509.ExtKeyUsageAny,
	}
	if len(os.Args) < 5 {
		fail("usage: read_x509 ROOT CERT URI USAGE [INTERMEDIATE...]")
	}
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(load(os.Args[1]))
	cert := load(os.Args[2])
	for _, path := range os.Args[5:] {
		intermediates.AddCert(load(path))
	}
	uri := "-"
	if len(cert.URIs) == 1 {
		uri = cert.URIs[0].String()
	}
	if uri != os.Args[3] {
		fail("URI: found %s of %d, expected %s", uri, len(cert.URIs), os.Args[3])
	}
	for _, year := range []int{1998, time.Now().Year(), 2090} {
		_, err := cert.Verify(x509.VerifyOptions{
			Roots:         roots,
			Intermediates: intermediates,
			CurrentTime:   time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC),
			KeyUsages:     []x509.ExtKeyUsage{usages[os.Args[4]]},
		})
		if err != nil {
			fail("in %d: %v", year, err)
		}
	}
}
