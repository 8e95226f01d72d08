{{- define "postgresql.name" -}}
{{ .Release.Name }}
{{- end }}

{{- /* What never changes: a StatefulSet's selector and a claim's labels cannot. */}}
{{- define "postgresql.selector" -}}
app.kubernetes.io/name: postgresql
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- /* Other labels than the server's, or the Service would lead to the pods that back it up. */}}
{{- define "postgresql.backup.selector" -}}
app.kubernetes.io/name: postgresql-backup
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "postgresql.labels" -}}
{{ include "postgresql.selector" . }}
{{ include "postgresql.origin" . }}
{{- end }}

{{- define "postgresql.origin" -}}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end }}

{{- define "postgresql.secret" -}}
{{ .Values.auth.existingSecret | default (include "postgresql.name" .) }}
{{- end }}

{{- /* No capabilities, no way to gain any, nothing to write but volumes. */}}
{{- define "postgresql.image" -}}
image: {{ printf "%s:%s" .Values.image.name .Values.image.tag | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy | default "IfNotPresent" }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{- define "postgresql.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .Values.user }}
  runAsGroup: {{ .Values.user }}
  fsGroup: {{ .Values.user }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "postgresql.container" -}}
{{ include "postgresql.image" . }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
env:
  - {name: PGDATA, value: /var/lib/postgresql/data/pgdata}
  - {name: PGHOST, value: /var/run/postgresql}
  - {name: DATABASE_NAME, value: {{ .Values.auth.database | quote }}}
  - {name: DATABASE_USER, value: {{ .Values.auth.username | quote }}}
  - {name: PASSWORD_FILE, value: /secret/password}
  - {name: CONFIG, value: /config}
volumeMounts:
  - {name: data, mountPath: /var/lib/postgresql/data}
  - {name: socket, mountPath: /var/run/postgresql}
  - {name: tmp, mountPath: /tmp}
  - {name: config, mountPath: /config, readOnly: true}
{{- end }}
