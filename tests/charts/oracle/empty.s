// An empty file: it lets main.go declare a function without a body.
