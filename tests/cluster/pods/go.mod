module pods

go 1.24.0
