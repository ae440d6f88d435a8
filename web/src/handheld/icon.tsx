/** A camera, drawn: not every device has a font with one. */
export function CameraIcon() {
  return (
    <svg class="icon" viewBox="0 0 24 24" width="34" height="34" aria-hidden="true">
      <path
        d="M3 8h4l2-3h6l2 3h4v11H3zM12 10a3.5 3.5 0 1 0 0 7a3.5 3.5 0 0 0 0-7z"
        fill="none"
        stroke="currentColor"
        stroke-width="2"
        stroke-linejoin="round"
      />
    </svg>
  );
}
