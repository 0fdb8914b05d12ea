package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/FerretDB/FerretDB/v2/ferretdb"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	f, err := ferretdb.New(&ferretdb.Config{PostgreSQLURL: os.Args[1], ListenAddr: os.Args[2], StateDir: os.Args[3]})
	if err != nil {
		panic(err)
	}
	f.Run(ctx)
}
