{{- /*
  A DaemonSet that pulls the user's image onto every node: "hook" before an
  install or upgrade, "continuous" on nodes that come later.
  Call with (list . "hook").
*/}}
{{- define "jupyterhub.imagePuller" -}}
{{- $root := index . 0 }}
{{- $kind := index . 1 }}
{{- $component := printf "%s-image-puller" $kind -}}
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: {{ include "jupyterhub.name" (list $root $component) }}
  labels:
    {{- include "jupyterhub.labels" (list $root $component) | nindent 4 }}
  {{- if eq $kind "hook" }}
  annotations:
    {{- include "jupyterhub.hook" "-10" | nindent 4 }}
  {{- end }}
spec:
  selector:
    matchLabels:
      {{- include "jupyterhub.selector" (list $root $component) | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "jupyterhub.podLabels" (list $root $component) | nindent 8 }}
      {{- with $root.Values.prePuller.annotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- with $root.Values.singleuser.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- if eq $root.Values.scheduling.userPods.nodeAffinity.matchNodePurpose "require" }}
      {{- include "jupyterhub.affinity" (list "user" "require") | nindent 6 }}
      {{- end }}
      terminationGracePeriodSeconds: 0
      automountServiceAccountToken: false
      initContainers:
        - name: image-pull-singleuser
          image: {{ $root.Values.singleuser.image.name }}:{{ $root.Values.singleuser.image.tag }}
          command: [/bin/sh, -c, echo "Pulling complete"]
        {{- range $name, $image := $root.Values.prePuller.extraImages }}
        - name: image-pull-{{ $name }}
          image: {{ $image.name }}:{{ $image.tag }}
          command: [/bin/sh, -c, echo "Pulling complete"]
        {{- end }}
      containers:
        - name: pause
          image: testbed.invalid/pause
{{- end }}

{{- /* The real chart's hook annotations, by weight. */}}
{{- define "jupyterhub.hook" -}}
"helm.sh/hook": pre-install,pre-upgrade
"helm.sh/hook-delete-policy": before-hook-creation,hook-succeeded
"helm.sh/hook-weight": {{ . | quote }}
{{- end }}

{{- /* Not empty when the hook shall run: enabled, and no image pulled already. */}}
{{- define "jupyterhub.imagePuller.hook.install" -}}
{{- $before := (lookup "v1" "ConfigMap" .Release.Namespace (include "jupyterhub.name" (list . "hub"))).data | default dict }}
{{- $same := eq (get $before "checksum_hook-image-puller" | toString) (include "jupyterhub.imagePuller" (list . "hook") | sha256sum) }}
{{- if and .Values.prePuller.hook.enabled (not (and .Values.prePuller.hook.pullOnlyOnChanges $same)) }}yes{{ end }}
{{- end }}
