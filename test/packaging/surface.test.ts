/** The public surface, name by name: adding one is a decision, removing one breaks somebody. */
import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from './sources.js';

const VALUES = [
  'Client',
  'ContractViolation',
  'ErrorCode',
  'IndelibleError',
  'Outcome',
  'Replica',
  'TUNING_DEFAULT',
  'formatStore',
];

const TYPES = [
  'Ballot',
  'CommandView',
  'Configuration',
  'DurabilityClass',
  'Identity',
  'Member',
  'PeerStatus',
  'ReplicaEvents',
  'ReplicaId',
  'ReplicaOptions',
  'ReplicaStatus',
  'Requester',
  'ResultWriter',
  'Service',
  'Slot',
  'StateMachine',
  'StorageChoice',
  'StorageMode',
  'StoreShape',
  'Tuning',
];

interface Surface {
  readonly values: readonly string[];
  readonly types: readonly string[];
  readonly others: readonly string[];
}

function surfaceOf(text: string): Surface {
  const values: string[] = [];
  const types: string[] = [];
  const others: string[] = [];
  for (const statement of ts.createSourceFile('index.ts', text, ts.ScriptTarget.ES2023).statements) {
    const clause = ts.isExportDeclaration(statement) ? statement.exportClause : undefined;
    if (!ts.isExportDeclaration(statement) || clause === undefined || !ts.isNamedExports(clause)) {
      others.push(ts.SyntaxKind[statement.kind]);
      continue;
    }
    for (const { name, isTypeOnly } of clause.elements) {
      (statement.isTypeOnly || isTypeOnly ? types : values).push(name.text);
    }
  }
  return { values: values.sort(), types: types.sort(), others };
}

describe('the public surface', () => {
  const surface = surfaceOf(fs.readFileSync(path.join(PROJECT_ROOT, 'lib', 'index.ts'), 'utf8'));

  it('is named exports of other files, and nothing else', () => {
    expect(surface.others).toEqual([]);
  });

  it('has exactly these values', () => {
    expect(surface.values).toEqual([...VALUES].sort());
  });

  it('has exactly these types', () => {
    expect(surface.types).toEqual([...TYPES].sort());
  });
});
