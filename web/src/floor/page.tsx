/** The floor, for who leads it. */
export function Page() {
  return <main />;
}
