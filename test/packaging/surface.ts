/** The names that a file of exports gives away. */
import ts from 'typescript';

export interface Surface {
  readonly values: readonly string[];
  readonly types: readonly string[];
  readonly others: readonly string[];
}

export function surfaceOf(text: string): Surface {
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
