// Sorts a table by a click on a column's head: numbers as numbers, the rest as words, empty cells last.
document.querySelectorAll('table.sortable').forEach(table=>{
  table.querySelectorAll('th').forEach((head,column)=>head.addEventListener('click',()=>{
    const up=head.dataset.up!=='1';head.dataset.up=up?'1':'0';
    const key=row=>row.cells[column].dataset.v??row.cells[column].textContent;
    const rows=[...table.tBodies[0].rows].sort((a,b)=>{
      const x=key(a),y=key(b),n=x-y;
      const order=x===''||y===''?(x==='')-(y===''):isNaN(n)?x.localeCompare(y):n;
      return up?order:-order});
    table.tBodies[0].append(...rows)}))});
