{{/* The release's name alone where it says what this is, else both. */}}
{{- define "trafficmetrics.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "trafficmetrics.labels" -}}
{{ include "trafficmetrics.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "trafficmetrics.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "trafficmetrics.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* What the profile "restricted" demands of a pod, and of a container. */}}
{{- define "trafficmetrics.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "trafficmetrics.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The APIServices that are made, as a YAML list in `names`. */}}
{{- define "trafficmetrics.apiServices" -}}
names:
  - v1alpha1.metrics.smi-spec.io
  {{- if .Values.autoscaling.enabled }}
  - v1beta2.custom.metrics.k8s.io
  - v1beta1.custom.metrics.k8s.io
  {{- if .Values.autoscaling.external }}
  - v1beta1.external.metrics.k8s.io
  {{- end }}
  {{- end }}
{{- end }}

{{/* Fails where the cluster has one of them that names another Service: it would be taken from its owner. */}}
{{- define "trafficmetrics.refuseOthers" -}}
{{- $ours := printf "%s/%s" .Release.Namespace (include "trafficmetrics.name" .) }}
{{- $refused := list }}
{{- range $name := (include "trafficmetrics.apiServices" . | fromYaml).names }}
{{- with lookup "apiregistration.k8s.io/v1" "APIService" "" $name }}
{{- $service := .spec.service | default dict }}
{{- $theirs := printf "%s/%s" $service.namespace $service.name }}
{{- if not .spec.service }}
{{- $refused = append $refused (printf "APIService %s belongs to the kube-apiserver itself." $name) }}
{{- else if ne $theirs $ours }}
{{- $refused = append $refused (printf "APIService %s belongs to Service %s." $name $theirs) }}
{{- end }}
{{- end }}
{{- end }}
{{- if $refused }}
{{- $how := "A cluster has one of each, and none is taken from its owner." }}
{{- if .Values.autoscaling.enabled }}
{{- $how = print $how " Install with autoscaling.enabled=false to leave those of autoscaling where they are, with autoscaling.external=false to leave that of external metrics alone. Or let their owner give them up, and go on answering what TrafficMetrics does not know (autoscaling.fallback): docs/install.md, \"Two adapters in one cluster\"." }}
{{- end }}
{{- fail (printf "\n%s\n%s" (join "\n" $refused) $how) }}
{{- end }}
{{- end }}
