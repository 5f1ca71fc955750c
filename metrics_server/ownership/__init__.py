"""From a snapshot's pods and names to the objects they belong to: controller, service, node and namespace.
Pure.
"""
