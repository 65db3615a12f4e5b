# needs: go
# timeout: 300
export GO111MODULE=off GOCACHE=$PWD/cache CGO_ENABLED=0
go build -o signals files/signals.go && ./signals
