//! The tasks of a sequence and what each waits for. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Place, Result, nearest};
use crate::tables::{TableName, TableSpec};
use crate::task::{Layer, TaskName};
use crate::warehouse::files::SqlFile;

/// One task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub task: TaskName,
    /// Positions of the tasks it waits for, each below its own; sorted.
    pub needs: Vec<usize>,
}

/// All tasks of a sequence, in an order in which they could run one after the other.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    /// Tables that files read and no task writes, with what was meant perhaps.
    pub warnings: Vec<String>,
}

impl Graph {
    /// The graph of table specs, pres files in their order, and reports.
    ///
    /// A table lands, then merges; a file waits for the tasks that write what it reads.
    /// Errors: two tasks that write one table (`graph/two_writers`).
    pub fn new(specs: &[&TableSpec], pres: &[SqlFile], reports: &[SqlFile]) -> Result<Graph> {
        let mut builder = Builder::default();
        for spec in specs {
            builder.add(spec.land_task(), &[], &[(&spec.landing, &spec.place)])?;
        }
        for spec in specs {
            builder.add(spec.store_task(), &[&spec.landing], &[(&spec.store, &spec.place)])?;
        }
        for file in pres {
            let place = Place::new(&file.path, 1, 1);
            let reads: Vec<&TableName> = file.reads.iter().collect();
            let writes: Vec<_> = file.writes.iter().map(|table| (table, &place)).collect();
            builder.add(TaskName::pres(&file.name), &reads, &writes)?;
        }
        for file in reports {
            let reads: Vec<&TableName> = file.reads.iter().collect();
            builder.add(TaskName::report(&file.name), &reads, &[])?;
        }
        Ok(builder.graph)
    }

    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All task names, in the order of the data.
    pub fn tasks(&self) -> Vec<TaskName> {
        self.nodes.iter().map(|node| node.task.clone()).collect()
    }

    pub fn position(&self, task: &TaskName) -> Option<usize> {
        self.nodes.iter().position(|node| node.task == *task)
    }

    pub fn task(&self, position: usize) -> Option<&TaskName> {
        self.nodes.get(position).map(|node| &node.task)
    }

    pub fn needs(&self, position: usize) -> &[usize] {
        self.nodes.get(position).map_or(&[], |node| &node.needs)
    }

    pub fn layer(&self, position: usize) -> Option<Layer> {
        self.task(position).map(TaskName::layer)
    }

    /// These tasks and everything they wait for.
    pub fn upstream(&self, from: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut found = from.clone();
        // What a task needs stands before it.
        for position in (0..self.len()).rev() {
            if found.contains(&position) {
                found.extend(self.needs(position));
            }
        }
        found
    }

    /// These tasks and everything that waits for them.
    pub fn downstream(&self, from: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut found = from.clone();
        for position in 0..self.len() {
            if self.needs(position).iter().any(|need| found.contains(need)) {
                found.insert(position);
            }
        }
        found
    }
}

#[derive(Default)]
struct Builder {
    graph: Graph,
    writers: BTreeMap<TableName, usize>,
}

impl Builder {
    fn add(
        &mut self,
        task: TaskName,
        reads: &[&TableName],
        writes: &[(&TableName, &Place)],
    ) -> Result<()> {
        let mut needs = BTreeSet::new();
        for table in reads {
            match self.writers.get(*table) {
                Some(writer) => {
                    needs.insert(*writer);
                }
                None => self.note_unknown(&task, table),
            }
        }
        let position = self.graph.nodes.len();
        for (table, place) in writes {
            if let Some(first) = self.writers.insert((*table).clone(), position) {
                let first = self.graph.task(first).map(ToString::to_string).unwrap_or_default();
                return Err(Error::config(
                    "graph/two_writers",
                    format!("both `{first}` and `{task}` write this table"),
                )
                .about(table.to_string())
                .at((*place).clone()));
            }
        }
        self.graph.nodes.push(Node { task, needs: needs.into_iter().collect() });
        Ok(())
    }

    /// Somebody else may have made the table, so it is no error here.
    fn note_unknown(&mut self, task: &TaskName, table: &TableName) {
        let known: Vec<String> = self.writers.keys().map(ToString::to_string).collect();
        let meant = nearest(&table.to_string(), known.iter().map(String::as_str))
            .map(|name| format!(": did you mean `{name}`?"))
            .unwrap_or_default();
        self.graph.warnings.push(format!("{task} reads `{table}`, which no task writes{meant}"));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::tables::Extract;

    pub(crate) fn spec(source: &str, name: &str) -> TableSpec {
        TableSpec {
            source: source.into(),
            name: name.into(),
            from: name.into(),
            columns: Vec::new(),
            filter: None,
            extract: Extract::Full,
            landing: TableName::new(&format!("landing_{source}"), name),
            store: TableName::new(&format!("store_{source}"), name),
            key: vec!["id".into()],
            version: None,
            place: Place::new("landfall.toml", 1, 1),
        }
    }

    pub(crate) fn file(name: &str, reads: &[&str], writes: &[&str]) -> SqlFile {
        let tables = |names: &[&str]| {
            names.iter().map(|n| TableName::parse(n).expect("a table")).collect::<Vec<_>>()
        };
        SqlFile {
            name: name.into(),
            path: format!("{name}.sql").into(),
            text: format!("-- {name}"),
            title: name.into(),
            statements: Vec::new(),
            verbs: Vec::new(),
            reads: tables(reads),
            writes: tables(writes),
        }
    }

    /// a and b land and merge; `flat` reads both; `sales` reads `flat`; `log` reads b alone.
    pub(crate) fn sample() -> Graph {
        let (a, b) = (spec("m", "a"), spec("m", "b"));
        let pres = [
            file("flat", &["store_m.a", "store_m.b"], &["pres.flat"]),
            file("log", &["store_m.b"], &["pres.log"]),
        ];
        let reports = [file("sales", &["pres.flat"], &[])];
        Graph::new(&[&a, &b], &pres, &reports).expect("a graph")
    }

    fn needs(graph: &Graph, task: &str) -> Vec<String> {
        let position = graph.position(&TaskName::parse(task).expect("a task")).expect("known");
        graph.needs(position).iter().filter_map(|i| graph.task(*i)).map(|t| t.to_string()).collect()
    }

    #[test]
    fn tasks_wait_for_what_they_read() {
        let graph = sample();
        assert_eq!(graph.len(), 7);
        assert_eq!(needs(&graph, "land.m.a"), [] as [&str; 0]);
        assert_eq!(needs(&graph, "store.m.a"), ["land.m.a"]);
        assert_eq!(needs(&graph, "pres.flat"), ["store.m.a", "store.m.b"]);
        assert_eq!(needs(&graph, "report.sales"), ["pres.flat"]);
        for (position, node) in graph.nodes().iter().enumerate() {
            assert!(node.needs.iter().all(|need| *need < position));
        }
    }

    #[test]
    fn closures_go_all_the_way() {
        let graph = sample();
        let at = |task: &str| {
            BTreeSet::from([graph
                .position(&TaskName::parse(task).expect("a task"))
                .expect("known")])
        };
        let names = |set: BTreeSet<usize>| -> Vec<String> {
            set.iter().filter_map(|i| graph.task(*i)).map(ToString::to_string).collect()
        };
        assert_eq!(
            names(graph.downstream(&at("land.m.a"))),
            ["land.m.a", "store.m.a", "pres.flat", "report.sales"]
        );
        assert_eq!(names(graph.upstream(&at("pres.log"))), ["land.m.b", "store.m.b", "pres.log"]);
    }

    #[test]
    fn a_pres_file_may_not_write_a_store_table() {
        let a = spec("m", "a");
        let pres = [file("bad", &[], &["store_m.a"])];
        let error = Graph::new(&[&a], &pres, &[]).expect_err("two writers");
        assert_eq!((error.code(), error.subject()), ("graph/two_writers", Some("store_m.a")));
    }

    #[test]
    fn a_table_nobody_writes_is_told_with_the_nearest_name() {
        let a = spec("m", "orders");
        let pres = [file("p", &["store_m.ordrs"], &["pres.p"])];
        let graph = Graph::new(&[&a], &pres, &[]).expect("a graph");
        assert_eq!(graph.warnings.len(), 1);
        assert!(graph.warnings[0].contains("did you mean `store_m.orders`?"));
    }
}
