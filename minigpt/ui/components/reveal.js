// Scrolls the map of a lens sideways so that its marked column can be seen.

const PATIENCE = 3000 // milliseconds until the page shows the map that is meant

const show = (map, here) => {
  const [frame, column] = [map.getBoundingClientRect(), here.getBoundingClientRect()]
  const names = map.querySelector("th").getBoundingClientRect().width // they stay where they are
  const [left, right] = [frame.left + names, frame.left + map.clientWidth]
  if (column.left >= left && column.right <= right) return
  map.scrollLeft += (column.left + column.right - left - right) / 2
}

export default function ({ data }) {
  const until = performance.now() + PATIENCE
  let over = false
  const look = () => {
    if (over) return
    const map = document.querySelector(".mg-lens")
    const here = map?.querySelector(".mg-here")
    // We may be told of a map before the page has put it in the place of the one before.
    if (here?.cellIndex === data.column) show(map, here)
    else if (performance.now() < until) requestAnimationFrame(look)
  }
  look()
  return () => { over = true }
}
