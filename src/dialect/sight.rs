//! Which queries of WITH can be seen from where a walk over a query stands. It changes nothing.

use datafusion::sql::sqlparser::ast::{Query, With};

/// The WITH clauses around the place at hand, the outermost first; of each query of one what the
/// walk wants to know.
#[derive(Debug)]
pub struct Sight<T> {
    scopes: Vec<Scope<T>>,
}

#[derive(Debug)]
struct Scope<T> {
    /// What is known of each query, and its address, only ever compared.
    queries: Vec<(usize, T)>,
    recursive: bool,
    /// How many of them can be seen from where the walk stands.
    seen: usize,
}

/// Tells one node of a tree from all others; only ever compared.
pub fn address<N>(node: &N) -> usize {
    std::ptr::from_ref(node) as usize
}

impl<T> Sight<T> {
    pub fn new() -> Sight<T> {
        Sight { scopes: Vec::new() }
    }

    /// Before a query is entered: from inside a query of WITH those before it are seen.
    pub fn before(&mut self, query: &Query) {
        self.set(query, |scope, at| at + usize::from(scope.recursive));
    }

    /// Enters a query; `known` has one for each query of its WITH clause.
    pub fn enter(&mut self, query: &Query, known: Vec<T>) {
        self.clause(query.with.as_ref(), known);
    }

    /// Enters a WITH clause, `known` as for [`Sight::enter`].
    pub fn clause(&mut self, with: Option<&With>, known: Vec<T>) {
        let ctes = with.map_or(&[][..], |with| with.cte_tables.as_slice());
        let queries = ctes.iter().map(|cte| address(&*cte.query)).zip(known).collect();
        let recursive = with.is_some_and(|with| with.recursive);
        self.scopes.push(Scope { queries, recursive, seen: 0 });
    }

    /// From behind a WITH clause all of it is seen.
    pub fn behind(&mut self) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.seen = scope.queries.len();
        }
    }

    /// Leaves a query.
    pub fn leave(&mut self, query: &Query) {
        self.scopes.pop();
        self.set(query, |_, at| at + 1);
    }

    fn set(&mut self, query: &Query, seen: impl Fn(&Scope<T>, usize) -> usize) {
        let here = address(query);
        if let Some(scope) = self.scopes.last_mut()
            && let Some(at) = scope.queries.iter().position(|(address, _)| *address == here)
        {
            scope.seen = seen(scope, at);
        }
    }

    /// What can be seen, the nearest first.
    pub fn seen(&self) -> impl DoubleEndedIterator<Item = &T> {
        let scopes = self.scopes.iter().rev();
        scopes.flat_map(|s| s.queries.iter().take(s.seen).rev().map(|(_, known)| known))
    }

    pub fn recursive(&self) -> bool {
        self.scopes.iter().any(|scope| scope.recursive)
    }
}
