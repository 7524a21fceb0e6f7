/** The files of docs/deploy, read as what they are. */
import fs from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { PROJECT_ROOT } from '../packaging/sources.js';

const DEPLOY = path.join(PROJECT_ROOT, 'docs/deploy');

export function deploymentText(name: string): string {
  return fs.readFileSync(path.join(DEPLOY, name), 'utf8');
}

/** Its documents. @throws for what is no YAML, or warns */
function documents(name: string): unknown[] {
  return parseAllDocuments(deploymentText(name), { merge: true, strict: true }).map((document) => {
    const problem = [...document.errors, ...document.warnings][0];
    if (problem !== undefined) throw problem;
    return document.toJS();
  });
}

export interface ComposeService {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
}

export function composeServices(): Readonly<Record<string, ComposeService>> {
  const [file] = documents('docker/compose.yaml') as [{ services: Record<string, ComposeService> }];
  return file.services;
}

interface Mount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

export interface Container {
  readonly command?: readonly string[];
  readonly args: readonly string[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts: readonly Mount[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
}

export interface StatefulSet {
  readonly kind: 'StatefulSet';
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly serviceName: string;
    readonly replicas: number;
    readonly podManagementPolicy: string;
    readonly volumeClaimTemplates: readonly {
      readonly metadata: { readonly name: string };
      readonly spec: { readonly storageClassName?: string };
    }[];
    readonly template: {
      readonly spec: {
        readonly securityContext: Readonly<Record<string, unknown>>;
        readonly initContainers: readonly Container[];
        readonly containers: readonly Container[];
        readonly volumes: readonly {
          readonly name: string;
          readonly emptyDir?: { readonly medium: string };
        }[];
      };
    };
  };
}

export interface KubernetesService {
  readonly kind: 'Service';
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly clusterIP?: string;
    readonly publishNotReadyAddresses?: boolean;
    readonly ports: readonly { readonly name: string; readonly port: number }[];
  };
}

interface OtherObject {
  readonly kind: 'PodDisruptionBudget' | 'PersistentVolume' | 'StorageClass';
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly maxUnavailable?: number; readonly storageClassName?: string };
}

export type KubernetesObject = StatefulSet | KubernetesService | OtherObject;

export function kubernetesObjects(name: string): readonly KubernetesObject[] {
  return documents(`kubernetes/${name}`) as KubernetesObject[];
}

export function statefulSetOf(name: string): StatefulSet {
  const found = kubernetesObjects(name).find((object) => object.kind === 'StatefulSet');
  if (found?.kind !== 'StatefulSet') throw new Error(`${name} has no StatefulSet`);
  return found;
}
