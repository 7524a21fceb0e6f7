/**
 * The files of docs/deploy agree with the program and the documents: options, ports, paths, exit codes, names
 * of metrics, and for each alert what to do.
 */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ExitCode } from '../../lib/cli/exit-code.js';
import { healthCommand } from '../../lib/cli/health-command.js';
import { serveCommand } from '../../lib/cli/serve-command.js';
import { parseServeFile, type ServeSettings } from '../../lib/cluster/serve-config.js';
import { PROJECT_ROOT } from '../packaging/sources.js';
import { ALERT_CASES } from './alert-cases.js';
import {
  composeServices,
  deploymentText,
  type KubernetesService,
  kubernetesObjects,
  statefulSetOf,
} from './deployment-files.js';

const MEMBERS = 3;

/** The options, as `serve` takes them. @throws for what it does not take */
function settingsOf(args: readonly string[]): ServeSettings & { readonly dir: string } {
  expect(args[0]).toBe('serve');
  const command = serveCommand().exitOverride();
  let settings: ServeSettings | undefined;
  command.action((options: ServeSettings) => {
    settings = options;
  });
  command.parse(args.slice(1), { from: 'user' });
  return settings as ServeSettings & { readonly dir: string };
}

const portOf = (address: string | undefined): number => Number(/:(\d+)$/.exec(address!)![1]);

function membersOf({ peers }: ServeSettings): string[] {
  return (peers as string).split(',').map((entry) => entry.replace(/^\d+=/, ''));
}

const document = (name: string): string => fs.readFileSync(path.join(PROJECT_ROOT, 'docs', name), 'utf8');

describe('compose.yaml', () => {
  const { form, ...replicas } = composeServices();

  it('has three replicas that are served as they are formed, and formed before they are served', () => {
    expect(Object.keys(replicas)).toEqual(['replica-1', 'replica-2', 'replica-3']);
    for (const [index, { entrypoint, command, depends_on, volumes }] of Object.values(replicas).entries()) {
      const settings = settingsOf([...entrypoint.slice(1), ...command]);
      expect(settings.dir).toBe(String(index + 1));
      expect(settings.backend).toBe('file');
      expect(membersOf(settings)).toEqual(Object.keys(replicas).map((name) => `${name}:7101`));
      expect([settings.listen, settings.redis, settings.http].map(portOf)).toEqual([7101, 7001, 7301]);
      expect(depends_on).toEqual({ form: { condition: 'service_completed_successfully' } });
      expect(volumes).toEqual(form!.volumes);
    }
  });

  it('shows the ports to this machine alone', () => {
    const ports = Object.values(replicas).flatMap((replica) => replica.ports!);
    expect(ports.length).toBe(2 * MEMBERS);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:(7001|7301)$/);
  });

  it('asks for health with the token that the port wants', () => {
    for (const { healthcheck, command } of Object.values(replicas)) {
      const [how, program, verb, ...args] = healthcheck!.test;
      expect([how, program, verb]).toEqual(['CMD', 'indelible', 'health']);
      const health = healthCommand({ line: () => {}, problem: () => {} } as never).exitOverride();
      health.action(() => {}).parse(args, { from: 'user' });
      expect(health.args).toEqual(['127.0.0.1:7301']);
      expect(health.opts()['httpTokenFile']).toBe(settingsOf(['serve', ...command]).httpTokenFile);
    }
  });
});

describe('the Dockerfile', () => {
  const text = deploymentText('docker/Dockerfile');

  it('has a user that is not root, a health check, and the ports of compose.yaml', () => {
    expect(text).toMatch(/^USER 1000:1000$/m);
    expect(text).toMatch(/^EXPOSE 7001 7101 7301$/m);
    expect(text).toMatch(/^HEALTHCHECK .*CMD \["indelible", "health", "127\.0\.0\.1:7301"\]$/m);
    expect(text).toMatch(/^ENTRYPOINT \["indelible"\]$/m);
  });

  it('takes this version', () => {
    const { version } = JSON.parse(fs.readFileSync(path.join(PROJECT_ROOT, 'package.json'), 'utf8'));
    expect(text).toContain(`ARG PACKAGE=indelible@${version}\n`);
  });
});

describe.each([
  ['statefulset.yaml', 'file'],
  ['statefulset-pmem.yaml', 'pmem'],
])('%s', (name, backend) => {
  const { spec } = statefulSetOf(name);
  const pod = spec.template.spec;
  const [prepare] = pod.initContainers;
  const [container] = pod.containers;
  const settings = settingsOf(container!.args);
  const shared = kubernetesObjects('services.yaml');
  const services = shared.filter((object): object is KubernetesService => object.kind === 'Service');
  const headless = services.find(({ metadata }) => metadata.name === spec.serviceName)!.spec;

  it('has as many pods as members, all started at once, of whom one may be away', () => {
    expect(spec.replicas).toBe(MEMBERS);
    const names = Array.from({ length: MEMBERS }, (_, pod) => `indelible-${pod}.${spec.serviceName}:7101`);
    expect(membersOf(settings)).toEqual(names);
    expect(spec.podManagementPolicy).toBe('Parallel');
    const budget = shared.find(({ kind }) => kind === 'PodDisruptionBudget');
    expect((budget as { spec: { maxUnavailable: number } }).spec.maxUnavailable).toBe(1);
  });

  it('has peers find each other before they are ready', () => {
    expect([headless.clusterIP, headless.publishNotReadyAddresses]).toEqual(['None', true]);
  });

  it('names the ports as they are served', () => {
    const ports = new Map(container!.ports!.map((port) => [port.name, port.containerPort]));
    const { listen, redis, http } = settings;
    expect(['peer', 'redis', 'http'].map((port) => ports.get(port))).toEqual(
      [listen, redis, http].map(portOf),
    );
    for (const { port, name: what } of services.flatMap((service) => service.spec.ports)) {
      expect(ports.get(what)).toBe(port);
    }
  });

  it('is alive by /livez, and ready by /readyz', () => {
    const { startupProbe, livenessProbe, readinessProbe } = container!;
    const asked = [startupProbe, livenessProbe, readinessProbe].map((probe) => probe!.httpGet);
    expect(asked.map((ask) => ask.path)).toEqual(['/livez', '/livez', '/readyz']);
    expect(asked.map((ask) => ask.port)).toEqual(['http', 'http', 'http']);
  });

  it('has the key in memory, its owner’s alone, and everything below what is mounted', () => {
    const { dir, keyFile, passwordFile, httpTokenFile } = settings;
    const mounts = container!.volumeMounts.map(({ mountPath }) => `${mountPath}/`);
    for (const file of [dir, keyFile!, passwordFile!, httpTokenFile!]) {
      expect(mounts.some((mount) => file.startsWith(mount))).toBe(true);
    }
    const run = pod.volumes.find(({ name: volume }) => volume === 'run')!;
    expect(run.emptyDir!.medium).toBe('Memory');
    expect(prepare!.args[0]).toMatch(/^umask 077\n/);
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, fsGroupChangePolicy: 'OnRootMismatch' });
  });

  it('formats what it serves', () => {
    expect(settings.backend).toBe(backend);
    expect(prepare!.args[0]).toContain(`--backend ${backend} `);
    expect(prepare!.args[0]).toContain(`--dir ${settings.dir} `);
    expect(prepare!.args[0]).toContain(`--key-file ${settings.keyFile} `);
  });

  it('has volumes of the kind that its log needs', () => {
    const claimed = spec.volumeClaimTemplates[0]!.spec.storageClassName;
    const volumes = kubernetesObjects(name).filter(({ kind }) => kind === 'PersistentVolume');
    expect([claimed, volumes.length]).toEqual(backend === 'pmem' ? ['pmem-fsdax', MEMBERS] : [undefined, 0]);
  });
});

describe('the systemd unit', () => {
  const unit = deploymentText('systemd/indelible@.service');
  const settingOf = (name: string): string | undefined => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1];

  it('runs what serve takes, and its configuration is one', () => {
    const [, ...args] = settingOf('ExecStart')!.split(' ');
    expect(settingsOf(args)).toEqual({
      config: '/etc/indelible/%i.json',
      dir: '/var/lib/indelible/%i/store',
    });
    expect(parseServeFile(deploymentText('systemd/1.json'))).toMatchObject({ backend: 'file', tls: true });
  });

  it('does not start again what would end in the same way', () => {
    const incurable = [ExitCode.usage, ExitCode.refused].join(' ');
    expect(settingOf('RestartPreventExitStatus')).toBe(incurable);
  });

  it('waits until the replica is ready, and watches it', () => {
    const names = ['Type', 'NotifyAccess', 'WatchdogSec', 'Restart'];
    expect(names.map(settingOf)).toEqual(['notify', 'all', '30s', 'on-failure']);
  });
});

describe('alerts and dashboard', () => {
  const alerts = deploymentText('prometheus/alerts.yaml');
  const dashboard = deploymentText('grafana/indelible.json');
  const described = new Set(
    [...document('metrics.md').matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].flatMap(([, name, type]) =>
      type === 'histogram' ? ['_bucket', '_sum', '_count'].map((part) => name + part) : [name!],
    ),
  );
  const names = [...alerts.matchAll(/- alert: (\w+)/g)].map((match) => match[1]!);

  it('ask for metrics that there are', () => {
    expect(described.size).toBeGreaterThan(80);
    const expressions = [
      ...[...alerts.matchAll(/expr: '(.*)'/g)].map((match) => match[1]!),
      ...[...dashboard.matchAll(/"expr": "(.*)"/g)].map((match) => match[1]!),
    ];
    expect(expressions.length).toBeGreaterThan(names.length + 20);
    const asked = expressions.flatMap((text) => text.match(/\b(indelible|process|nodejs)_\w+/g) ?? []);
    expect(asked.filter((name) => !described.has(name))).toEqual([]);
  });

  it('have for each alert what to do, a case that it is tried with, and a name of its own', () => {
    const headings = [...document('production.md').matchAll(/^### (Indelible\w+)$/gm)].map(
      ([, name]) => name,
    );
    expect(headings).toEqual(names);
    expect(Object.keys(ALERT_CASES)).toEqual(names);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(alerts).toContain(`production.md#${name.toLowerCase()}\n`);
  });

  it('are a dashboard that Grafana takes: panels with ids of their own that overlap nowhere', () => {
    const { panels } = JSON.parse(dashboard) as {
      panels: { id: number; gridPos: { x: number; y: number; w: number; h: number } }[];
    };
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { gridPos } of panels) {
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(x).toBeLessThan(24);
          expect(taken.has(`${x} ${y}`)).toBe(false);
          taken.add(`${x} ${y}`);
        }
      }
    }
  });
});
