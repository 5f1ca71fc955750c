"""From method, path and query to what is asked, exactly as the kube-apiserver parses them. Pure."""
