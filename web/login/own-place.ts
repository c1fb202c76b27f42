/** Only a place of ours: a link to the login page must not lead elsewhere afterwards. */
export function ownPlace(next: string | undefined): string {
  if (next === undefined || !/^\/(?![/\\])/.test(next) || /[\u0000-\u001f\\]/.test(next)) return "/";
  return next.startsWith("/login") ? "/" : next;
}
