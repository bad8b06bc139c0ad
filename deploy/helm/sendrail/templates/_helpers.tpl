{{/* The prefix of all names in a release. */}}
{{- define "sendrail.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The labels by which a selector finds all pods of a release; they never change. */}}
{{- define "sendrail.selector" -}}
app.kubernetes.io/name: sendrail
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "sendrail.labels" -}}
{{ include "sendrail.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "sendrail.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/* The same for every pod: no privileges, no token of the cluster. */}}
{{- define "sendrail.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: data
    emptyDir: {}
  - name: tmp
    emptyDir: {}
  - name: database
    secret:
      secretName: {{ required "database.existingSecret: name the Secret that holds the database's URL" .Values.database.existingSecret }}
      defaultMode: 0440
  - name: master-key
    secret:
      secretName: {{ required "masterKey.existingSecret: name the Secret that holds the master key" .Values.masterKey.existingSecret }}
      defaultMode: 0440
{{- end -}}

{{/* The same for every container. */}}
{{- define "sendrail.container" -}}
image: {{ include "sendrail.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
env:
  - name: SENDRAIL_DATABASE_URL_FILE
    value: /run/secrets/database/{{ .Values.database.key }}
  - name: SENDRAIL_MASTER_KEY_FILE
    value: /run/secrets/master-key/{{ .Values.masterKey.key }}
  - name: SENDRAIL_DRAIN_SECONDS
    value: {{ .Values.drainSeconds | quote }}
  {{- range $name, $value := .Values.settings }}
  - name: SENDRAIL_{{ upper $name }}
    value: {{ $value | toString | quote }}
  {{- end }}
volumeMounts:
  - name: data
    mountPath: /var/lib/sendrail
  - name: master-key
    mountPath: /run/secrets/master-key
    readOnly: true
  - name: database
    mountPath: /run/secrets/database
    readOnly: true
  - name: tmp
    mountPath: /tmp
{{- end -}}
