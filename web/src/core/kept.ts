/** What a browser keeps for us. In a frame of another site it may not: then it is forgotten. */

export function kept(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function keep(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // nothing to do: the page works without
  }
}
