"""Authorization: by SubjectAccessReview of the cluster or by a fixed rule; and impersonation."""
