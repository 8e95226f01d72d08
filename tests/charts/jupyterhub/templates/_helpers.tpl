{{- /*
  Names. The real chart's fullnameOverride is "" by default, so that its objects
  are called hub, proxy-public and so on whatever the release is called; null
  brings the usual <release>-jupyterhub- in front.
  Call with (list . "hub").
*/}}
{{- define "jupyterhub.name" -}}
{{- $root := index . 0 }}
{{- $full := $root.Values.fullnameOverride }}
{{- if not (kindIs "string" $full) }}
{{- $name := $root.Values.nameOverride | default $root.Chart.Name }}
{{- $full = ternary $root.Release.Name (printf "%s-%s" $root.Release.Name $name) (contains $name $root.Release.Name) }}
{{- end }}
{{- if $full }}{{ $full }}-{{ end }}{{ index . 1 }}
{{- end }}

{{- /* Names that are unique in a cluster: they carry the release where no prefix does. */}}
{{- define "jupyterhub.clusterName" -}}
{{- $root := index . 0 }}
{{- if eq (toString $root.Values.fullnameOverride) "" }}{{ $root.Release.Name }}-{{ index . 1 }}
{{- else }}{{ include "jupyterhub.name" . }}
{{- end }}
{{- end }}

{{- /* Labels, old style, by which selectors find pods. Call with (list . "hub"). */}}
{{- define "jupyterhub.selector" -}}
{{- $root := index . 0 -}}
component: {{ index . 1 }}
app: {{ $root.Values.nameOverride | default $root.Chart.Name }}
release: {{ $root.Release.Name }}
{{- end }}

{{- /* Labels of a pod: the old ones and the modern ones that match them. */}}
{{- define "jupyterhub.podLabels" -}}
{{- $root := index . 0 -}}
{{ include "jupyterhub.selector" . }}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/name: {{ $root.Values.nameOverride | default $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
{{- end }}

{{- /* Labels of any other object. */}}
{{- define "jupyterhub.labels" -}}
{{- $root := index . 0 -}}
{{ include "jupyterhub.podLabels" . }}
chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
heritage: {{ $root.Release.Service }}
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- end }}

{{- /*
  Secrets. What is not given is looked up in the Secret of the release, and made
  by chance where that has none. As in the real chart this is done anew wherever
  it is called: on a first install the checksum on the pod is of other random
  values than those stored, so that an unpinned hub restarts on its next upgrade.
  Call with (list . KEY GIVEN), or (list . KEY GIVEN "alnum") for the proxy's.
*/}}
{{- define "jupyterhub.secret" -}}
{{- $root := index . 0 }}
{{- $stored := (lookup "v1" "Secret" $root.Release.Namespace (include "jupyterhub.name" (list $root "hub"))).data | default dict }}
{{- if index . 2 }}{{ index . 2 }}
{{- else if hasKey $stored (index . 1) }}{{ index $stored (index . 1) | b64dec }}
{{- else if gt (len .) 3 }}{{ randAlphaNum 64 }}
{{- else }}{{ range until 64 }}{{ mod (randNumeric 4 | atoi) 16 | printf "%x" }}{{ end }}
{{- end }}
{{- end }}

{{- define "jupyterhub.authToken" -}}
{{- $given := dig "ConfigurableHTTPProxy" "auth_token" .Values.proxy.secretToken .Values.hub.config -}}
{{ include "jupyterhub.secret" (list . "hub.config.ConfigurableHTTPProxy.auth_token" $given "alnum") }}
{{- end }}

{{- /* Affinity to nodes of a purpose. Call with (list "core" PURPOSE-SETTING). */}}
{{- define "jupyterhub.affinity" -}}
{{- $match := printf "{key: hub.jupyter.org/node-purpose, operator: In, values: [%s]}" (index . 0) -}}
{{- if eq (index . 1) "require" -}}
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions: [{{ $match }}]
{{- else if eq (index . 1) "prefer" -}}
affinity:
  nodeAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        preference:
          matchExpressions: [{{ $match }}]
{{- end }}
{{- end }}
