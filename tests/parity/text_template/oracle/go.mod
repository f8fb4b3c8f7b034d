module evenkeel.dev/template-oracle

go 1.23
