/**
 * The mapping that a file is read by, or that is extended by what is said beside it: with constants or columns to leave out
 * both are the same. In words what is wrong otherwise.
 */
export function baseMapping(asked: {
  mapping?: string | null | undefined;
  extends?: string | null | undefined;
}): { mapping: string | null } | { problem: string } {
  const { mapping, extends: base } = asked;
  const said = (name: string | null | undefined) => (name === undefined || name === "" ? null : name);
  if (said(mapping) !== null && said(base) !== null)
    return { problem: 'give mapping or extends, not both: a mapping file names what it extends itself, by "extends"' };
  return { mapping: said(mapping) ?? said(base) };
}
