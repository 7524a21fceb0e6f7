/**
 * Sentences for people are no behaviour: what an error, a broken contract or a log line says may be worded
 * anew without a test. Codes are arguments of their own and are not left out.
 */

/** As much as is needed here of a path in Babel's tree. */
interface Path {
  readonly node: { readonly type: string };
  readonly parent?: { readonly type: string; readonly callee?: Callee };
}

interface Callee {
  readonly type: string;
  readonly name?: string;
}

const SPOKEN_BY = /^(requires|ensures|invariant|[a-z]\w*Error|[A-Z]\w*(Error|Violation))$/;

export const sentences = {
  shouldIgnore({ node, parent }: Path): string | undefined {
    const isText = node.type === 'StringLiteral' || node.type === 'TemplateLiteral';
    const callee =
      parent?.type === 'CallExpression' || parent?.type === 'NewExpression' ? parent.callee : undefined;
    return isText && callee?.type === 'Identifier' && SPOKEN_BY.test(callee.name ?? '')
      ? 'a sentence for people'
      : undefined;
  },
};
