"""The demo as pods and our server in the same cluster, installed once for all tests here."""
