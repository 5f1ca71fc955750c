"""OpenAPI components of Kubernetes' metadata, to which the schemas of objects refer.

They have only the fields that a served object can have. Objects are computed and never created by a client,
so they have no owners, finalizers or managed fields.
"""

from typing import Any

_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
OBJECT_META = f"{_META}.ObjectMeta"
LIST_META = f"{_META}.ListMeta"


def reference(component: str, *, description: str = "") -> dict[str, Any]:
    """The schema of a property whose type is a component. `description` describes the property."""
    pointer = {"$ref": f"#/components/schemas/{component}"}
    return {"description": description, "allOf": [pointer]} if description else pointer


API_VERSION = {
    "type": "string",
    "description": "Group and version of this representation of the object.",
}
KIND = {"type": "string", "description": "What this object is, in CamelCase."}

COMPONENTS: dict[str, dict[str, Any]] = {
    OBJECT_META: {
        "type": "object",
        "description": "What every object has: its name, and where and how it can be found.",
        "properties": {
            "name": {"type": "string", "description": "Unique within a namespace and a resource."},
            "namespace": {"type": "string", "description": "Empty where the resource has no namespaces."},
            "labels": {
                "type": "object",
                "description": "Names and values to select objects by.",
                "additionalProperties": {"type": "string"},
            },
            "annotations": {
                "type": "object",
                "description": "Further facts, not to select by.",
                "additionalProperties": {"type": "string"},
            },
            "creationTimestamp": {
                "type": "string",
                "format": "date-time",
                "description": "When the object was created; absent where nothing was.",
            },
            "uid": {"type": "string", "description": "Tells objects of one name apart over time."},
            "resourceVersion": {"type": "string", "description": "Empty: objects are made when asked for."},
        },
    },
    LIST_META: {
        "type": "object",
        "description": "What every list has.",
        "properties": {
            "resourceVersion": {"type": "string", "description": "Empty: lists are made when asked for."},
            "continue": {"type": "string", "description": "Absent: lists are always whole."},
        },
    },
}
