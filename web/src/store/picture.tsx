/** A picture of goods that have none. */

/** Where there is no picture: two letters on a colour that is always the same for a SKU. */
export function Picture({ sku }: { sku: string }) {
  const hue = [...sku].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 360, 7);
  return (
    <i class="picture" aria-hidden="true" style={{ "--hue": String(hue) }}>
      {sku.slice(0, 2)}
    </i>
  );
}
