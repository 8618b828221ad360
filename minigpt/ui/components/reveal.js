// Scrolls the map of a lens sideways so that its marked column can be seen.

export default function () {
  const map = document.querySelector(".mg-lens")
  const here = map?.querySelector(".mg-here")
  if (!here) return
  const [frame, column] = [map.getBoundingClientRect(), here.getBoundingClientRect()]
  const names = map.querySelector("th").getBoundingClientRect().width // they stay where they are
  const [left, right] = [frame.left + names, frame.left + map.clientWidth]
  if (column.left >= left && column.right <= right) return
  map.scrollLeft += (column.left + column.right - left - right) / 2
}
