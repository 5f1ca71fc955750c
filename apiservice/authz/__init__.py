"""May this user do this? The cluster's answer by SubjectAccessReview, or a fixed rule."""
