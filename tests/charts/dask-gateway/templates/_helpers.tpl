{{- /* The release's name if it contains the chart's, else both: dask-gateway, or jhub-dask-gateway. */}}
{{- define "dask-gateway.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name }}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- .Values.fullnameOverride | default $full | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* Name of a part. Call with (list . "api"). */}}
{{- define "dask-gateway.part" -}}
{{- printf "%s-%s" (index . 1) (include "dask-gateway.fullname" (index . 0)) | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "dask-gateway.selector" -}}
app.kubernetes.io/name: {{ .Values.nameOverride | default .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "dask-gateway.labels" -}}
{{ include "dask-gateway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
gateway.dask.org/instance: {{ include "dask-gateway.fullname" . }}
{{- end }}

{{- /*
  A ServiceAccount with a ClusterRole, which carries the release's name through
  the full name. Call with (list . "api" RULES).
*/}}
{{- define "dask-gateway.rbac" -}}
{{- $root := index . 0 }}
{{- $name := include "dask-gateway.part" (list $root (index . 1)) -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  labels:
    {{- include "dask-gateway.labels" $root | nindent 4 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ $name }}
  labels:
    {{- include "dask-gateway.labels" $root | nindent 4 }}
rules:
  {{- index . 2 | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ $name }}
  labels:
    {{- include "dask-gateway.labels" $root | nindent 4 }}
subjects:
  - kind: ServiceAccount
    name: {{ $name }}
    namespace: {{ $root.Release.Namespace }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ $name }}
{{- end }}

{{- /*
  A Deployment, as far as the three parts have it in common. Call with
  (dict "root" . "part" "api" "component" "gateway" "values" VALUES "container" YAML …).
*/}}
{{- define "dask-gateway.deployment" -}}
{{- $name := include "dask-gateway.part" (list .root .part) -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  labels:
    {{- include "dask-gateway.labels" .root | nindent 4 }}
spec:
  replicas: {{ .values.replicas | default 1 }}
  selector:
    matchLabels:
      {{- include "dask-gateway.selector" .root | nindent 6 }}
      app.kubernetes.io/component: {{ .component }}
  template:
    metadata:
      labels:
        {{- include "dask-gateway.labels" .root | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
        {{- with .labels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with merge dict (.checksums | default dict) .values.annotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- if .root.Values.rbac.enabled }}
      serviceAccountName: {{ $name }}
      {{- end }}
      {{- with .values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ .values.image.name }}:{{ .values.image.tag }}
          {{- with .values.resources }}
          resources:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- .container | nindent 10 }}
{{- end }}
