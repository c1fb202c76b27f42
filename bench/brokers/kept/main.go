// A broker of Kafka that keeps its messages in a folder: killed, it comes back with them at the same port. Reads how it is
// to be as JSON in its first argument, prints its address in the first line, and ends with standard input.
package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

type login struct {
	Mechanism, Username, Password string
}

type options struct {
	Folder string
	Port   int
	TLS    bool
	Login  *login
}

type started struct {
	Address     string `json:"address"`
	Certificate string `json:"certificate"`
}

// A certificate for loopback that signs itself, and the same for whoever is to trust it.
func selfSigned() (tls.Certificate, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, "", err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, "", err
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}))
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key}, text, nil
}

// The library answers a handshake without the list of mechanisms that Kafka gives, and kafkajs looks there for its own.
type handshaking struct{ net.Listener }

type handshakingConn struct{ net.Conn }

func (l handshaking) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return handshakingConn{conn}, err
}

func (c handshakingConn) Write(answer []byte) (int, error) {
	// Size, number of the request, no error, no mechanism.
	if len(answer) != 14 || !bytes.Equal(answer[8:], make([]byte, 6)) {
		return c.Conn.Write(answer)
	}
	whole := append([]byte{}, answer[:10]...)
	mechanisms := []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}
	whole = binary.BigEndian.AppendUint32(whole, uint32(len(mechanisms)))
	for _, mechanism := range mechanisms {
		whole = binary.BigEndian.AppendUint16(whole, uint16(len(mechanism)))
		whole = append(whole, mechanism...)
	}
	binary.BigEndian.PutUint32(whole, uint32(len(whole)-4))
	if _, err := c.Conn.Write(whole); err != nil {
		return 0, err
	}
	return len(answer), nil
}

func run() error {
	var wanted options
	if err := json.Unmarshal([]byte(os.Args[1]), &wanted); err != nil {
		return err
	}
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.Ports(wanted.Port),
		kfake.DataDir(wanted.Folder),
		kfake.SyncWrites(),
	}
	if wanted.Login != nil {
		opts = append(opts, kfake.EnableSASL(), kfake.Superuser(wanted.Login.Mechanism, wanted.Login.Username, wanted.Login.Password))
	}
	listen := net.Listen
	certificate := ""
	if wanted.TLS {
		pair, text, err := selfSigned()
		if err != nil {
			return err
		}
		certificate = text
		listen = func(network, address string) (net.Listener, error) {
			return tls.Listen(network, address, &tls.Config{Certificates: []tls.Certificate{pair}})
		}
	}
	opts = append(opts, kfake.ListenFn(func(network, address string) (net.Listener, error) {
		listener, err := listen(network, address)
		return handshaking{listener}, err
	}))
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return err
	}
	defer cluster.Close()
	if err := json.NewEncoder(os.Stdout).Encode(started{cluster.ListenAddrs()[0], certificate}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func main() {
	if err := run(); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}
